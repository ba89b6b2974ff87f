"""Histories of campaigns that really ran; every later workflow must replay them."""
