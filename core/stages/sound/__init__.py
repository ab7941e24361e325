"""The sound of a medium, for all stages that listen to it: as samples, as levels, and where somebody speaks. No stage."""
