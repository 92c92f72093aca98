"""What the book of versions keeps of prompts alone: shares of a label's traffic, and comments. A prompt is a registered
model with MLflow's reserved tags, so its versions, labels (aliases) and history are `ledger/versions`."""
