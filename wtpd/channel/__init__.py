"""Parts that channels of every kind share. A channel is one connector at one site, or one for the whole box."""
