"""Matchable image retrieval (MIRorR): regional features, similarities of regions, whitening, query expansion, view graphs."""
