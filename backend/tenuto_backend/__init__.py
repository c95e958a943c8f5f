"""From meaning to artifacts; today the reference evaluator in `reference`."""
