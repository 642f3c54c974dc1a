"""`python -m simulator_cli` is the `simulator` command."""

from simulator_cli.main import run

if __name__ == "__main__":
    run()
