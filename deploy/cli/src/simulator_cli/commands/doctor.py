"""`simulator doctor`: what is wrong on this machine, and what to do about it."""

from typing import TYPE_CHECKING

import typer

from simulator_cli.commands.options import Json

if TYPE_CHECKING:
    from simulator_cli.stack.diagnosis import Finding


def doctor(*, as_json: Json = False) -> None:
    """Look for what is wrong and say what to do: disk, versions, settings, secrets, lags. Exit code 1 on a fault."""
    from dataclasses import asdict

    from simulator_cli.console import make_console, print_json
    from simulator_cli.render.findings import findings_view

    findings = examine()
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        make_console().print(findings_view(findings))
    if any(finding.level == "fault" for finding in findings):
        raise typer.Exit(1)


def examine() -> list["Finding"]:
    """Everything that can be seen now; of a stack that does not run, what lies on the disk."""
    from simulator_cli.stack import control, diagnosis
    from simulator_cli.stack.layout import Layout

    layout = Layout(control.default_data_dir().resolve())
    stack = control.status(layout.root)
    findings = [*diagnosis.at_rest(layout), diagnosis.port(stack.base_url is not None)]
    findings += [
        diagnosis.Finding(
            subject="processes",
            level="fault",
            message=f"{service.instance} ends again and again",
            hint=f"./simulator logs {service.instance}",
        )
        for service in stack.services
        if service.state == "failed"
    ]
    if stack.base_url is None:
        findings.append(
            diagnosis.Finding(subject="stack", level="ok", message="nothing is running")
        )
        return findings
    findings += _ask_gateway(stack.base_url)
    memory = layout.memory()
    if memory is not None and stack.nats_port is not None:
        findings += diagnosis.buried(memory)
    return findings


def _ask_gateway(base_url: str) -> list["Finding"]:
    import httpx2

    from simulator_cli.client import API_KEY, authorization
    from simulator_cli.stack import diagnosis

    try:
        with httpx2.Client(
            base_url=base_url, timeout=10, trust_env=False, headers=authorization()
        ) as client:
            ready, told = client.get("/health/ready").json(), client.get("/api/status")
            counts = client.get("/metrics")
    except (httpx2.HTTPError, ValueError) as error:
        return [
            diagnosis.Finding(
                subject="gateway",
                level="fault",
                message=f"does not answer: {type(error).__name__}",
                hint="./simulator logs gateway",
            )
        ]
    if {told.status_code, counts.status_code} & {httpx2.codes.UNAUTHORIZED, httpx2.codes.FORBIDDEN}:
        hint = f"./simulator keys create --scopes read,metrics; set {API_KEY}"
        return [
            diagnosis.Finding(
                subject="gateway", level="warning", message="asks for an API key", hint=hint
            )
        ]
    return [*diagnosis.running(told.json(), ready), *diagnosis.counted(counts.text)]
