import pytest
from pydantic import ValidationError

from common.llm.settings import ModelSettings


def test_the_suite_cannot_ask_a_model_on_another_machine():
    assert ModelSettings().configured == ()
    with pytest.raises(ValidationError, match="not on this machine"):
        ModelSettings(openrouter={"api_key": "sk-any"})
