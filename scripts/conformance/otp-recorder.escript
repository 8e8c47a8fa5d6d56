#!/usr/bin/env escript
%% -*- erlang -*-
%%! +S 1:1 +sbwt none
%% Runs scripts through the real OTP supervisor and writes down what it did: one line of trace for each script.
%% Called by record-otp.ts with a file of scripts as Erlang terms and the name of the file to write.
%%
%% A trace is a list of tokens for the start and for each step, the steps divided by "|":
%%   +w  a worker starts          ~w  its start fails          !w  it exits by itself
%%   -w  its supervisor stops it  ^s  a supervisor is up       #s  a supervisor's restarts are used up
%%   =r  what a request answers   $r  the root has ended, why
%% and, after a tab, the tree as it is then: + alive, - down, with the children of those alive in brackets.
%%
%% Nothing sleeps: a step is over when a walk through all supervisors has found every process alive, every
%% mailbox empty and nothing new in the trace, twice in a row.
-mode(compile).
-export([main/1, init/1, start_worker/1, start_supervisor/1, log/2]).

-define(MAX_WALKS, 200000).

main([In, Out]) ->
    _ = logger:remove_handler(default),
    ok = logger:add_handler(conformance, ?MODULE, #{level => error}),
    _ = ets:new(trace, [named_table, public, ordered_set]),
    _ = ets:new(pids, [named_table, public]),
    _ = ets:new(fails, [named_table, public]),
    process_flag(trap_exit, true),
    {ok, Scripts} = file:consult(In),
    {ok, File} = file:open(Out, [write, raw, delayed_write]),
    ok = file:write(File, ["otp ", erlang:system_info(otp_release), "\n"]),
    lists:foreach(fun(Script) -> ok = file:write(File, [run(Script), "\n"]) end, Scripts),
    ok = file:close(File).

run({Tree, Steps}) ->
    lists:foreach(fun ets:delete_all_objects/1, [trace, pids, fails]),
    {First, Rest} = lists:splitwith(fun(Step) -> element(1, Step) =:= fail end, Steps),
    lists:foreach(fun plan_failure/1, First),
    Root = start_root(Tree),
    Tokens = [take_trace() | [step(Root, Step) || Step <- Rest]],
    Final = case is_alive(Root) of
                true -> final(Root);
                false -> ""
            end,
    _ = is_alive(Root) andalso stop_root(Root),
    flush(),
    [lists:join("|", Tokens), "\t", Final].

start_root(Tree) ->
    case start_supervisor(Tree) of
        {ok, Pid} -> quiesce(Pid, 0), Pid;
        {error, _} -> trace("$start_failed"), undefined
    end.

step(Root, Step) ->
    _ = is_alive(Root) andalso do(Root, Step),
    take_trace().

do(_Root, {fail, _, _} = Plan) -> plan_failure(Plan);
do(Root, {exit, Supervisor, Exits}) ->
    case find(Supervisor) of
        {ok, Pid} -> exit_at_once(Pid, Exits), settle(Root);
        error -> ok
    end;
do(Root, {terminate, Supervisor, Id}) ->
    request(Root, Supervisor, fun(Pid) -> supervisor:terminate_child(Pid, Id) end);
do(Root, {restart, Supervisor, Id}) ->
    request(Root, Supervisor, fun(Pid) -> supervisor:restart_child(Pid, Id) end);
do(Root, {delete, Supervisor, Id}) ->
    request(Root, Supervisor, fun(Pid) -> supervisor:delete_child(Pid, Id) end);
do(Root, {start, Supervisor, Node}) ->
    request(Root, Supervisor, fun(Pid) -> supervisor:start_child(Pid, child_spec(Node)) end);
do(Root, {stop}) ->
    stop_root(Root),
    trace("$shutdown").

request(Root, Supervisor, Call) ->
    case find(Supervisor) of
        {ok, Pid} -> trace(["=", outcome(Call(Pid))]), settle(Root);
        error -> trace("=no_supervisor")
    end.

outcome(ok) -> "ok";
outcome({ok, _}) -> "ok";
outcome({error, {already_started, _}}) -> "already_started";
outcome({error, already_present}) -> "already_present";
outcome({error, not_found}) -> "not_found";
outcome({error, running}) -> "running";
outcome({error, restarting}) -> "restarting";
outcome({error, _}) -> "start_failed".

%% All are dead before their supervisor hears of the first, and it hears of them in this order.
exit_at_once(Supervisor, Exits) ->
    ok = sys:suspend(Supervisor),
    lists:foreach(fun({Id, How}) ->
                          case find(Id) of
                              {ok, Pid} -> Pid ! {exit_now, How}, await_exit(Supervisor, Pid);
                              error -> ok
                          end
                  end, Exits),
    ok = sys:resume(Supervisor).

await_exit(Supervisor, Pid) ->
    {messages, Messages} = process_info(Supervisor, messages),
    case lists:any(fun({'EXIT', From, _}) -> From =:= Pid; (_) -> false end, Messages) of
        true -> ok;
        false -> erlang:yield(), await_exit(Supervisor, Pid)
    end.

stop_root(Root) ->
    exit(Root, shutdown),
    receive {'EXIT', Root, _} -> ok end.

settle(Root) ->
    case quiesce(Root, 0) of
        alive -> ok;
        dead ->
            Used = ets:member(pids, {used_up, Root}),
            trace(["$", case Used of true -> "restart_intensity"; false -> "shutdown" end])
    end.

quiesce(Root, Walks) when Walks < ?MAX_WALKS ->
    case calm(Root) andalso calm(Root) of
        true -> alive;
        false ->
            case is_alive(Root) of
                true -> erlang:yield(), quiesce(Root, Walks + 1);
                false -> receive {'EXIT', Root, _} -> dead end
            end
    end.

calm(Root) ->
    Before = ets:info(trace, size),
    try walk(Root) of
        Calm -> Calm andalso ets:info(trace, size) =:= Before
    catch
        exit:_ -> false
    end.

walk(Supervisor) ->
    Children = supervisor:which_children(Supervisor),
    {message_queue_len, Waiting} = case process_info(Supervisor, message_queue_len) of
                                       undefined -> {message_queue_len, 1};
                                       Length -> Length
                                   end,
    Waiting =:= 0 andalso lists:all(fun walk_child/1, Children).

walk_child({_, restarting, _, _}) -> false;
walk_child({_, undefined, _, _}) -> true;
walk_child({_, Pid, supervisor, _}) -> walk(Pid);
walk_child({_, Pid, worker, _}) -> is_process_alive(Pid).

final(Supervisor) ->
    [final_child(Child) || Child <- lists:reverse(supervisor:which_children(Supervisor))].

final_child({Id, undefined, _, _}) -> [name(Id), "-"];
final_child({Id, Pid, supervisor, _}) -> [name(Id), "+(", final(Pid), ")"];
final_child({Id, _, worker, _}) -> [name(Id), "+"].

%% The tree.

init({supervisor, _, _, _, Strategy, Intensity, AutoShutdown, Children}) ->
    Flags = #{strategy => Strategy, intensity => Intensity, period => 86400, auto_shutdown => AutoShutdown},
    {ok, {Flags, [child_spec(Child) || Child <- Children]}}.

child_spec({supervisor, Id, Restart, Significant, _, _, _, _} = Node) ->
    #{id => Id, start => {?MODULE, start_supervisor, [Node]}, restart => Restart,
      significant => Significant, type => supervisor};
child_spec({worker, Id, Restart, Significant}) ->
    #{id => Id, start => {?MODULE, start_worker, [Id]}, restart => Restart,
      significant => Significant, type => worker}.

start_supervisor(Node) ->
    Id = element(2, Node),
    case supervisor:start_link(?MODULE, Node) of
        {ok, Pid} ->
            ets:insert(pids, [{Id, Pid}, {{pid, Pid}, Id, element(3, Node)}]),
            trace(["^", name(Id)]),
            {ok, Pid};
        Error -> Error
    end.

start_worker(Id) ->
    case takes_failure(Id) of
        true ->
            trace(["~", name(Id)]),
            {error, planned};
        false ->
            trace(["+", name(Id)]),
            Parent = self(),
            Pid = spawn_link(fun() ->
                                     process_flag(trap_exit, true),
                                     Parent ! {ready, self()},
                                     work(Parent, Id)
                             end),
            receive {ready, Pid} -> ok end,
            ets:insert(pids, {Id, Pid}),
            {ok, Pid}
    end.

work(Parent, Id) ->
    receive
        {exit_now, How} ->
            trace(["!", name(Id)]),
            exit(How);
        {'EXIT', Parent, Reason} ->
            trace(["-", name(Id)]),
            exit(Reason)
    end.

plan_failure({fail, Id, Times}) -> ets:insert(fails, {Id, Times}).

takes_failure(Id) ->
    case ets:lookup(fails, Id) of
        [{_, Times}] when Times > 0 -> ets:insert(fails, {Id, Times - 1});
        _ -> false
    end.

%% Called by the logger in the process that logs: a supervisor says so when its restarts are used up.
log(#{msg := {report, #{label := {supervisor, shutdown}}}}, _) ->
    case ets:lookup(pids, {pid, self()}) of
        [{_, Id, Restart}] ->
            ets:insert(pids, {{used_up, self()}, true}),
            trace(["#", name(Id)]),
            Restart =:= transient andalso exit_abnormally();
        [] -> ok
    end;
log(_, _) -> ok.

%% A supervisor that has used its restarts up exits with shutdown, after which OTP does not start a transient one
%% again. Ours fails. So the supervisor above is told of an abnormal exit instead; what follows is OTP's own doing.
exit_abnormally() ->
    [Above | _] = get('$ancestors'),
    Self = self(),
    Herald = spawn(fun() ->
                           Monitor = monitor(process, Self),
                           Self ! {ready, self()},
                           receive {'DOWN', Monitor, process, Self, _} -> Above ! {'EXIT', Self, restart_intensity} end
                   end),
    receive {ready, Herald} -> ok end,
    unlink(Above).

%% Bookkeeping.

trace(Token) ->
    ets:insert(trace, {erlang:unique_integer([monotonic]), Token}).

take_trace() ->
    Tokens = [Token || {_, Token} <- ets:tab2list(trace)],
    ets:delete_all_objects(trace),
    lists:join(" ", Tokens).

find(Id) ->
    case ets:lookup(pids, Id) of
        [{_, Pid}] -> case is_process_alive(Pid) of true -> {ok, Pid}; false -> error end;
        [] -> error
    end.

is_alive(undefined) -> false;
is_alive(Pid) -> is_process_alive(Pid).

name(Id) -> atom_to_list(Id).

flush() -> receive _ -> flush() after 0 -> ok end.
