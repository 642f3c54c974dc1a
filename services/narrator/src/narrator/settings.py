"""Settings of the narrator worker: environment variables with the prefix `NARRATOR_`."""

from pydantic_settings import SettingsConfigDict

from common.settings import WorkerSettings


class NarratorSettings(WorkerSettings):
    model_config = SettingsConfigDict(env_prefix="NARRATOR_", frozen=True, extra="ignore")
