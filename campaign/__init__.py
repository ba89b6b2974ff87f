"""What a campaign is and every rule about it: pure, without I/O, clock or chance."""
