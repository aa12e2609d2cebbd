"""The demo: from bare hosts to a fleet that runs real tasks, in front of your eyes."""
