"""Settings of all tests."""

import os

from hypothesis import settings

# The same examples in every run, so that a change is judged by itself. `HYPOTHESIS_PROFILE=explore make test` draws new
# ones: run it now and then, and keep what it finds as an @example.
settings.register_profile("steady", derandomize=True)
settings.register_profile("explore", print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))
