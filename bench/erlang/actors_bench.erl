%% The actors bench's contestant Erlang: plain processes where there is no crash, a supervisor where there is one.
%% It speaks the lines of bench/contestants/protocol.ts.
-module(actors_bench).
-export([main/0, init/1, handle_cast/2, handle_call/3, start_fragile/2]).

main() ->
    logger:set_primary_config(level, none),
    loop().

loop() ->
    case io:get_line("") of
        eof ->
            halt(0);
        Line ->
            [Scenario, Size] = string:lexemes(string:trim(Line), " "),
            answer(in_fresh_process(fun() -> play(Scenario, list_to_integer(Size)) end)),
            loop()
    end.

%% Each scenario has a heap of its own.
in_fresh_process(Fun) ->
    {Pid, Monitor} = spawn_monitor(fun() -> exit({answer, Fun()}) end),
    receive
        {'DOWN', Monitor, process, Pid, {answer, Answer}} -> Answer;
        {'DOWN', Monitor, process, Pid, Reason} -> io:format(standard_error, "~p~n", [Reason]), halt(1)
    end.

answer({Handled, Sum, Us}) ->
    io:format("answer {\"handled\":~b,\"sum\":~b,\"seconds\":~f}~n", [Handled, Sum, Us / 1.0e6]);
answer({Handled, Sum, Us, Figures}) ->
    Pairs = lists:join(",", [io_lib:format("\"~s\":~f", [Name, Value * 1.0]) || {Name, Value} <- Figures]),
    io:format("answer {\"handled\":~b,\"sum\":~b,\"seconds\":~f,\"figures\":{~s}}~n",
              [Handled, Sum, Us / 1.0e6, Pairs]).

now_us() -> erlang:monotonic_time(microsecond).

timed(Fun) ->
    Start = now_us(),
    {Handled, Sum} = Fun(),
    {Handled, Sum, now_us() - Start}.

play("tell", Size) ->
    timed(fun() ->
        Sink = start_counter(Size),
        tell_all(Sink, 0, Size),
        counted()
    end);
play("ask", Size) -> ask(Size, 1);
play("ask64", Size) -> ask(Size, 64);
play("pingpong", Size) ->
    timed(fun() ->
        Bench = self(),
        Ping = spawn(fun() -> player(Bench, Size, 0, 0) end),
        Pong = spawn(fun() -> player(Bench, Size, 0, 0) end),
        Ping ! {Pong, 1},
        {First, FirstSum} = counted(),
        {Second, SecondSum} = counted(),
        {First + Second, FirstSum + SecondSum}
    end);
play("fanin", Size) ->
    timed(fun() ->
        Sink = start_counter(Size),
        [spawn(fun() -> tell_all(Sink, 0, Size div 100) end) || _ <- lists:seq(1, 100)],
        counted()
    end);
play("spawn", Size) ->
    timed(fun() ->
        Pids = [spawn_monitor(fun() -> receive {n, N} -> receive stop -> exit({sum, N}) end end end)
                || _ <- lists:seq(1, Size)],
        lists:foldl(fun({Pid, _}, N) -> Pid ! {n, N}, N + 1 end, 0, Pids),
        [Pid ! stop || {Pid, _} <- Pids],
        collect(Pids, 0, 0)
    end);
play("idle", Size) ->
    Bench = self(),
    erlang:garbage_collect(),
    Before = erlang:memory(total),
    Pids = [spawn(fun() -> idle(Bench, 0) end) || _ <- lists:seq(1, Size)],
    erlang:garbage_collect(),
    Bytes = (erlang:memory(total) - Before) / Size,
    {Handled, Sum, Us} = timed(fun() ->
        [Pid ! {n, 1} || Pid <- Pids],
        lists:foldl(fun(_, {H, S}) -> receive {handled, N} -> {H + 1, S + N} end end, {0, 0}, Pids)
    end),
    {Handled, Sum, Us, [{bytes, Bytes}]};
play("restart", Size) ->
    Start = now_us(),
    Pids = [begin {ok, _} = supervisor:start_link(?MODULE, {supervisor, self(), N}), up() end
            || N <- lists:seq(0, Size - 1)],
    {Latencies, Sum, _} = lists:foldl(fun(Pid, {Taken, Total, N}) ->
        Began = now_us(),
        gen_server:cast(Pid, crash),
        gen_server:cast(up(), {n, N}),
        receive {handled, Number} -> {[(now_us() - Began) / 1000 | Taken], Total + Number, N + 1} end
    end, {[], 0, 0}, Pids),
    Sorted = lists:sort(Latencies),
    Rank = fun(Share) -> lists:nth(ceil(Share * Size), Sorted) end,
    {length(Latencies), Sum, now_us() - Start, [{p50Ms, Rank(0.5)}, {p99Ms, Rank(0.99)}]}.

start_counter(Size) ->
    Bench = self(),
    spawn(fun() -> counter(Bench, Size, 0, 0) end).

counter(Bench, Size, Size, Sum) -> Bench ! {counted, Size, Sum};
counter(Bench, Size, Handled, Sum) ->
    receive {n, N} -> counter(Bench, Size, Handled + 1, Sum + N) end.

counted() -> receive {counted, Handled, Sum} -> {Handled, Sum} end.

tell_all(_, Count, Count) -> ok;
tell_all(Sink, N, Count) -> Sink ! {n, N}, tell_all(Sink, N + 1, Count).

%% Like gen_server:call: a monitor, a request, an answer within a time.
ask(Size, Askers) ->
    Server = spawn(fun server/0),
    Bench = self(),
    Turns = atomics:new(1, []),
    Answer = timed(fun() ->
        [spawn(fun() -> asker(Bench, Server, Turns, Size, 0, 0) end) || _ <- lists:seq(1, Askers)],
        lists:foldl(fun(_, {H, S}) -> {Handled, Sum} = counted(), {H + Handled, S + Sum} end,
                    {0, 0}, lists:seq(1, Askers))
    end),
    exit(Server, kill),
    Answer.

asker(Bench, Server, Turns, Size, Handled, Sum) ->
    case atomics:add_get(Turns, 1, 1) - 1 of
        N when N < Size ->
            Ref = monitor(process, Server),
            Server ! {ask, self(), Ref, N},
            receive
                {Ref, Reply} ->
                    demonitor(Ref, [flush]),
                    asker(Bench, Server, Turns, Size, Handled + 1, Sum + Reply);
                {'DOWN', Ref, _, _, Reason} ->
                    exit(Reason)
            after 30000 ->
                exit(timeout)
            end;
        _ ->
            Bench ! {counted, Handled, Sum}
    end.

server() -> receive {ask, From, Ref, N} -> From ! {Ref, N + 1}, server() end.

%% Whoever gets the last number tells the other one to count up as well.
player(Bench, Size, Handled, Sum) ->
    receive
        {Other, Size} ->
            Other ! over,
            Bench ! {counted, Handled + 1, Sum + Size};
        {Other, N} ->
            Other ! {self(), N + 1},
            player(Bench, Size, Handled + 1, Sum + N);
        over ->
            Bench ! {counted, Handled, Sum}
    end.

idle(Bench, Sum) ->
    receive {n, N} -> Bench ! {handled, N}, idle(Bench, Sum + N) end.

collect([], Handled, Sum) -> {Handled, Sum};
collect([{Pid, Monitor} | Rest], Handled, Sum) ->
    receive {'DOWN', Monitor, process, Pid, {sum, N}} -> collect(Rest, Handled + 1, Sum + N) end.

up() -> receive {up, Pid} -> Pid end.

start_fragile(Bench, Number) -> gen_server:start_link(?MODULE, {fragile, Bench, Number}, []).

init({supervisor, Bench, Number}) ->
    {ok, {#{strategy => one_for_one}, [#{id => fragile, start => {?MODULE, start_fragile, [Bench, Number]}}]}};
init({fragile, Bench, _Number}) ->
    Bench ! {up, self()},
    {ok, Bench}.

handle_cast(crash, _Bench) -> error(crash);
handle_cast({n, N}, Bench) -> Bench ! {handled, N}, {noreply, Bench}.

handle_call(_, _, Bench) -> {reply, ok, Bench}.
