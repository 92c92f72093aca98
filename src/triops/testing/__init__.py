"""Contract suites, fakes of ports, and the kit for scenarios with real processes. Shipped, so that third-party stores
and plugins can use them too; nothing else here imports it."""
