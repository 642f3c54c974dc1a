"""Settings of the failure worker: environment variables with the prefix `FAILURE_`."""

from pydantic_settings import SettingsConfigDict

from common.settings import WorkerSettings


class FailureSettings(WorkerSettings):
    model_config = SettingsConfigDict(env_prefix="FAILURE_", frozen=True, extra="ignore")
