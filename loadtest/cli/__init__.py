"""`codepix load` and `codepix bench`, which `codepix` finds as entry points of the group `codepix.commands`."""
