"""Settings of the interpreter worker: environment variables with the prefix `INTERPRETER_`."""

from pydantic_settings import SettingsConfigDict

from common.settings import WorkerSettings


class InterpreterSettings(WorkerSettings):
    model_config = SettingsConfigDict(env_prefix="INTERPRETER_", frozen=True, extra="ignore")
