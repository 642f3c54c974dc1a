"""The image's health check: exit 0 when the service says that it is ready. Only the standard library, no site."""

import http.client
import os
import sys

if __name__ == "__main__":
    service = os.environ["SERVICE"]
    port = os.environ.get("GATEWAY_PORT", "8000") if service == "gateway" else ""
    port = port or os.environ.get(f"{service.upper()}_METRICS_PORT", "9100")
    try:
        asked = http.client.HTTPConnection("127.0.0.1", int(port), timeout=2)
        asked.request("GET", "/health/ready")
        sys.exit(0 if asked.getresponse().status == http.HTTPStatus.OK else 1)
    except OSError:
        sys.exit(1)
