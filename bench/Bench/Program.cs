using Slowrun.Bench;

return args switch
{
    ["sweep", .. var rest] => Sweep.Run(rest),
    ["step", .. var rest] => StepBench.Run(rest),
    ["shards", .. var rest] => ShardBench.Run(rest),
    ["kernels", .. var rest] => KernelBench.Run(rest),
    ["distill", .. var rest] => DistillBench.Run(rest),
    ["soak", .. var rest] => Soak.Run(rest),
    ["data", .. var rest] => await DataBench.RunAsync(rest),
    ["checkpoint", .. var rest] => CheckpointBench.Run(rest),
    ["status", .. var rest] => StatusBench.Run(rest),
    ["ensemble", .. var rest] => await EnsembleBench.RunAsync(rest),
    ["telemetry"] => TelemetryBench.Run(),
    ["page", .. var rest] => await PageBench.RunAsync(rest),
    ["inputs", .. var rest] => await InputsBench.RunAsync(rest),
    ["idle", .. var rest] => IdleBench.Run(rest),
    ["fleet", .. var rest] => FleetBench.Run(rest),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine(
        """
        bench sweep TEXT [PRESET] [PATH=VALUE…]       trains a preset's chains on a text file, by the engine alone
        bench step [SIZE…] [--steps N] [--slots N]    times training steps
        bench kernels SIZE…                           times each matrix product and kernel of a fused step, and what it moves
        bench shards [PRESET…]                        counts how several devices divide a preset's optimizer
        bench distill [MEMBERS…]                      times steps taught by ensembles of so many members
        bench soak [STEPS]                            trains the demo's size for long and prints how much memory is held
        bench idle [STORE] [SILOS] [CANCELLED RUNS]   counts what silos that have nothing to do ask of their store in a minute
        bench fleet [--silos N] [--stages M] [--losses N] [--each-reads] [--table]
                                                      simulates a fleet on a cloud store: operations a second,
                                                      from ready to taken, heartbeats
        bench data TEXT [MEGABYTES]                   times data preparation beside the bare tokenizer
        bench checkpoint STORE [PAIRS]                what a checkpoint costs, against the same bytes plainly copied, written and read
        bench inputs [TOKENS…]                        what it costs to hash tokens, and a member that teaches at each of its turns
        bench ensemble [MEMBERS] [TOKENS] [FOLDER]    mixes made-up members: seconds a subset, memory, against plain reading
        bench telemetry                               what the measurements of a training step cost, as a share of it
        bench page [STEPS]                            times pages of a run of 100 stages, and weighs them
        bench status STORE RUN [CALLS]                times status calls of a client that stays, also while silos are lost
        """
    );
    return 2;
}
