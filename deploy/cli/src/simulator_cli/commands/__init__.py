"""One module per command (or per pair of opposites); `simulator_cli.main` puts them together."""
