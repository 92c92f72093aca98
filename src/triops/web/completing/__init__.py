"""The gateway's own HTTP server: reads requests of any family of models' clients, asks the gateway, writes answers."""
