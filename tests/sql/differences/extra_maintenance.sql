-- An empty list of extra maintenance functions is no work; the reference fails on it.
\set VERBOSITY terse
select pgq.create_queue('q');
update pgq.queue set queue_extra_maint = '{}';
select func_name, func_arg from pgq.maint_operations() where func_name <> 'vacuum';
