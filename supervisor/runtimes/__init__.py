"""Where workers run: processes of this host, or containers of its Docker engine, behind one Protocol."""
