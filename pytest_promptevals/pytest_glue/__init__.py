"""All that knows pytest: options, nodes, the session, xdist and the gates as items."""
