"""Files from the network: mirrors, resumed transfers, checks, archives unpacked, single pictures."""
