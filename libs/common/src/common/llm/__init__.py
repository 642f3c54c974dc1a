"""Language models: one port, many providers, never a single point of failure.

`port` is what agents see (pure); `connect` builds what stands behind it. Import the modules, not this package.
"""
