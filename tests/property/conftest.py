from hypothesis import HealthCheck, settings

# A busy machine is no fault of a decoder: nothing here depends on how long an example takes.
settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")
