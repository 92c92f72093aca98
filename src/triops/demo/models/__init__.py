"""`triops demo-mlops`: real models, trained by an unmodified MLflow client, promoted through a gate."""
