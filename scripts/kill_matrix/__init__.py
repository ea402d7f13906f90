"""The kill matrix: whoever is killed, whenever, the job completes. Not here: the house it plays in (simulator/)."""
