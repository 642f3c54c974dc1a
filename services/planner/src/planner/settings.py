"""Settings of the planner worker: environment variables with the prefix `PLANNER_`."""

from pydantic_settings import SettingsConfigDict

from common.settings import WorkerSettings


class PlannerSettings(WorkerSettings):
    model_config = SettingsConfigDict(env_prefix="PLANNER_", frozen=True, extra="ignore")
