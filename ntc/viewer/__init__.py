"""Looking at materials: a server for the page of `ntc view`, and the page of `ntc report`."""
