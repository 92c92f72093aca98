"""Contract suites, and the kit for scenarios with real processes. Shipped, so that third-party stores and plugins can
use them too."""
