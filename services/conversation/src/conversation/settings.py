"""Settings of the conversation worker: environment variables with the prefix `CONVERSATION_`."""

from pydantic_settings import SettingsConfigDict

from common.settings import WorkerSettings


class ConversationSettings(WorkerSettings):
    model_config = SettingsConfigDict(env_prefix="CONVERSATION_", frozen=True, extra="ignore")
