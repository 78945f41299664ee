"""Who leads: a lease with fencing tokens that only grow, in Redis or in a file of this host."""
