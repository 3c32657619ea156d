"""The only place where provider and judge meet: planning, calling, judging, trials."""
