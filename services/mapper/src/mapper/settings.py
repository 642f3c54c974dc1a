"""Settings of the mapper worker: environment variables with the prefix `MAPPER_`."""

from pydantic_settings import SettingsConfigDict

from common.settings import WorkerSettings


class MapperSettings(WorkerSettings):
    model_config = SettingsConfigDict(env_prefix="MAPPER_", frozen=True, extra="ignore")
