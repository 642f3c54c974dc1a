"""The switch for the whole suite: no test, and no process a test starts, can ask a model on another machine."""

import os

for _name in [name for name in os.environ if name.startswith("LLM_")]:
    del os.environ[_name]
os.environ["LLM_PROFILE"] = "test"
