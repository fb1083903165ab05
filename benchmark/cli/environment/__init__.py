"""What apprehend finds on a machine: packages, devices, the hub, and what is missing for what."""
