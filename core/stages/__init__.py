"""The stages: each turns what earlier ones published into files of its own, through one outside tool."""
