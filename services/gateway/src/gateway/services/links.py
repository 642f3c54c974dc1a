"""Where everything of a simulation is found."""


def links(simulation_id: str) -> dict[str, str]:
    """Paths relative to the gateway's root."""
    base = f"/simulations/{simulation_id}"
    return {
        "self": base,
        "events": f"{base}/events",
        "stream": f"{base}/stream",
        "websocket": f"/ws/{simulation_id}",
        "report": f"{base}/report",
        "trace": f"{base}/trace",
        "export": f"{base}/export",
        "cancel": f"{base}/cancel",
        "rerun": f"{base}/rerun",
    }
