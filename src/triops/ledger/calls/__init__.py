"""The books of calls: what each cost, who may call, and the secrets of providers."""
