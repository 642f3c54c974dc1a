"""Settings of the simulation worker: environment variables with the prefix `SIMULATION_`."""

from pydantic_settings import SettingsConfigDict

from common.settings import WorkerSettings


class SimulationSettings(WorkerSettings):
    model_config = SettingsConfigDict(env_prefix="SIMULATION_", frozen=True, extra="ignore")
