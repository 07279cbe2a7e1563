"""Set-up of the project-local environment, standard library only."""
