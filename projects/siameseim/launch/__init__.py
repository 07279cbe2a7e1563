"""From a command line to a run: options, config, processes, errors."""
