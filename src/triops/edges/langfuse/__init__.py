"""What Langfuse's SDK speaks, under `/api/public`."""
