"""Which models may be asked, in which order and within which bounds: environment variables `LLM_*`.

Nothing is configured by default, and keys that other programs left in the environment are not picked up.
"""

from decimal import Decimal
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Kind = Literal["ollama", "openrouter", "openai", "compatible"]
Profile = Literal["dev", "test", "production"]
TokensField = Literal["max_tokens", "max_completion_tokens"]
AUTO = "auto"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Provider(BaseModel):
    """One server. Times in seconds, prices in USD per million tokens (null: not known, not free).

    `models` chooses by `<agent>.<task>`, `<agent>`, model class or `<task>`, in this order; `model` is for the rest.
    `auto` lets the server's own list decide (Ollama: the largest installed; OpenRouter: the cheapest capable).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_url: str | None = None
    api_key: SecretStr | None = None
    model: str = AUTO
    models: dict[str, str] = Field(default_factory=dict)
    context_tokens: int | None = Field(default=None, ge=256)
    is_paid: bool | None = None
    """Whether budgets apply; null: by the kind of server."""
    price_input_usd: Decimal | None = Field(default=None, ge=0)
    price_output_usd: Decimal | None = Field(default=None, ge=0)
    concurrency: int | None = Field(default=None, ge=1)
    requests_per_min: int | None = Field(default=None, ge=1)
    tokens_per_min: int | None = Field(default=None, ge=1)
    connect_s: float | None = Field(default=None, gt=0)
    first_token_s: float | None = Field(default=None, gt=0)
    idle_s: float = Field(default=20.0, gt=0)
    spill_after_s: float = Field(default=30.0, ge=0)
    """How long a call waits for a slot here before the next provider is asked."""
    tokens_field: TokensField | None = None
    reasoning_effort: str | None = None
    """Passed on as it is (`none`, `low`, …): models that think may use up the whole answer's tokens for it."""

    def model_for(self, agent: str, task: str, model_class: str = "") -> str:
        for key in (f"{agent}.{task}", agent, model_class, task):
            if key in self.models:
                return self.models[key]
        return self.model


class Ollama(Provider):
    """Local models. `num_ctx` (and `num_thread`) make a derived model, since `/v1` reads neither."""

    is_enabled: bool | None = None
    """Null: enabled if an address or a model is given."""
    keep_alive: str = "30m"
    num_ctx: int | None = Field(default=None, ge=512)
    num_thread: int | None = Field(default=None, ge=1)
    num_gpu: int | None = Field(default=None, ge=0)
    """Layers kept on the GPU: less memory there with fewer."""
    pull_missing: bool = False
    """Fetch a model that is not installed when it is first needed."""


class OpenRouter(Provider):
    """Cloud models; `data_collection: deny` routes only to providers that do not keep prompts."""

    data_collection: Literal["allow", "deny"] = "deny"
    max_price_usd: Decimal = Field(default=Decimal(5), gt=0)
    """Bound of the automatic choice: USD per million output tokens."""


class ModelSettings(BaseSettings):
    """`LLM_OLLAMA__BASE_URL=…`, `LLM_OPENROUTER__API_KEY=…`, `LLM_ORDER=ollama,openrouter`; a bad value stops all.

    Profiles: `test` refuses every address that is not this machine's; `production` refuses plain http to other
    machines and content in traces.
    """

    model_config = SettingsConfigDict(
        env_prefix="LLM_", env_nested_delimiter="__", frozen=True, extra="ignore"
    )

    profile: Profile = "dev"
    order: Annotated[tuple[Kind, ...], NoDecode] = ("ollama", "openrouter", "openai", "compatible")
    ollama: Ollama = Ollama()
    openrouter: OpenRouter = OpenRouter()
    openai: Provider = Provider()
    compatible: Provider = Provider()
    deadline_s: float = Field(default=60.0, gt=0, le=900)
    budget_day_usd: Decimal | None = Field(default=None, ge=0)
    budget_simulation_usd: Decimal | None = Field(default=None, ge=0)
    reuse_answers: bool = True
    capture_content: bool = False

    @model_validator(mode="before")
    @classmethod
    def _split(cls, values: dict[str, object]) -> dict[str, object]:
        order = values.get("order")
        if isinstance(order, str):
            names = tuple(part.strip() for part in order.split(",") if part.strip())
            return {**values, "order": names}
        return values

    @model_validator(mode="after")
    def _keep_promises(self) -> Self:
        if self.profile == "production" and self.capture_content:
            raise ValueError("LLM_CAPTURE_CONTENT is not allowed in production")
        for kind in self.configured:
            self._check_address(kind)
        if "openai" in self.configured and self.openai.model == AUTO:
            raise ValueError(
                "LLM_OPENAI__MODEL is needed: there is no safe choice among all models"
            )
        return self

    def _check_address(self, kind: Kind) -> None:
        parts = urlsplit(address(kind, self.provider(kind)))
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"LLM_{kind.upper()}__BASE_URL is not an http address")
        is_local = parts.hostname in _LOOPBACK
        if self.profile == "test" and not is_local:
            raise ValueError(f"profile test: {kind} is not on this machine")
        if self.profile == "production" and parts.scheme == "http" and _is_public(parts.hostname):
            raise ValueError(f"profile production: {kind} needs https")

    def provider(self, kind: Kind) -> Provider:
        found: Provider = getattr(self, kind)
        return found

    @property
    def configured(self) -> tuple[Kind, ...]:
        """The providers to ask, in order."""
        return tuple(kind for kind in self.order if self._is_configured(kind))

    def _is_configured(self, kind: Kind) -> bool:
        match kind:
            case "ollama":
                given = self.ollama.base_url is not None or self.ollama.model != AUTO
                return given if self.ollama.is_enabled is None else self.ollama.is_enabled
            case "compatible":
                return self.compatible.base_url is not None
            case _:
                return self.provider(kind).api_key is not None


_ADDRESSES: dict[Kind, str] = {
    "ollama": "http://127.0.0.1:11434",
    "openrouter": "https://openrouter.ai/api/v1",
    "openai": "https://api.openai.com/v1",
    "compatible": "",
}


def address(kind: Kind, provider: Provider) -> str:
    """The provider's address without a trailing slash."""
    return (provider.base_url or _ADDRESSES[kind]).rstrip("/")


def is_paid(kind: Kind, provider: Provider) -> bool:
    """Whether its calls cost money: what is set, else all but Ollama and keyless servers."""
    if provider.is_paid is not None:
        return provider.is_paid
    if kind == "compatible":
        return provider.api_key is not None or provider.price_output_usd is not None
    return kind != "ollama"


def is_local(url: str) -> bool:
    return urlsplit(url).hostname in _LOOPBACK


def _is_public(host: str) -> bool:
    """Names with a dot that are no loopback: a container's or a cluster's short name is inside."""
    return host not in _LOOPBACK and "." in host and not host.endswith((".local", ".internal"))
