"""`.env.example` documents every setting there is, and none that there is not."""

import re
from pathlib import Path

from common.llm.settings import ModelSettings, Ollama, OpenRouter, Provider
from common.provision import ProvisionSettings
from common.settings import WorkerSettings
from gateway.settings import GatewaySettings

ROOT = Path(__file__).parents[2]
PROVIDERS = {"ollama", "openrouter", "openai", "compatible"}


def documented() -> set[str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    return {found[1] for line in lines if (found := re.match(r"#? ?([A-Z][A-Z0-9_]+)=", line))}


def names(prefix: str, fields) -> set[str]:
    return {f"{prefix}{field.upper()}" for field in fields}


def test_every_setting_is_documented():
    expected = (
        names("PLANNER_", WorkerSettings.model_fields)
        | names("GATEWAY_", GatewaySettings.model_fields)
        | names("PROVISION_", set(ProvisionSettings.model_fields) - {"nats_password_file"})
        | names("LLM_", set(ModelSettings.model_fields) - PROVIDERS)
        | names("LLM_OPENAI__", Provider.model_fields)
        | names("LLM_OLLAMA__", set(Ollama.model_fields) - set(Provider.model_fields))
        | names("LLM_OPENROUTER__", set(OpenRouter.model_fields) - set(Provider.model_fields))
    )
    assert expected - documented() == set()


def test_nothing_is_documented_that_nobody_reads():
    compose = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))
    known = (
        names("PLANNER_", WorkerSettings.model_fields)
        | names("GATEWAY_", GatewaySettings.model_fields)
        | names("PROVISION_", ProvisionSettings.model_fields)
        | names("LLM_", ModelSettings.model_fields)
        | {
            f"LLM_{kind.upper()}__{field.upper()}"
            for kind in PROVIDERS
            for field in Ollama.model_fields | OpenRouter.model_fields
        }
        | {"OTEL_TRACES_EXPORTER", "OTEL_SDK_DISABLED"}
        | compose
    )
    assert documented() - known == set()


def test_every_variable_of_compose_is_documented():
    compose = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))
    assert compose - documented() == set()
