"""Read settings, bring the schema up to date, run the gateway."""

from gateway.server import serve
from gateway.settings import GatewaySettings

if __name__ == "__main__":
    serve(GatewaySettings())
