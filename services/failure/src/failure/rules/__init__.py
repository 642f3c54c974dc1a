"""The deterministic engine: what can strike this network, how badly, and which modes to rehearse."""
