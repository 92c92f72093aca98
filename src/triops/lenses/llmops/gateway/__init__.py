"""The gateway: who may call which model, at whose cost, by which way. Pure decisions; time and randomness are
parameters. (Its process imports modules of this folder one by one, so this one imports nothing.)"""
