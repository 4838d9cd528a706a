select * from pgq_node.register_location('q', 'root', 'dbname=root', false);
select * from pgq_node.register_location('q', 'leaf', 'dbname=leaf', false);
select * from pgq_node.register_location('q', 'mid', 'dbname=mid', false);
select * from pgq_node.create_node('q', 'leaf', 'leaf', 'leaf_worker', 'root', 7, null);

-- registration
select * from pgq_node.register_consumer('unknown', 'c', 'root', 3);
select * from pgq_node.register_consumer('q', 'c', 'root', null);
select * from pgq_node.register_consumer('q', 'c', 'stranger', 3);
select * from pgq_node.register_consumer('q', 'c', null, 3);
select * from pgq_node.register_consumer('q', null, 'root', 3);
select * from pgq_node.register_consumer('q', 'c', 'root', 3);
select * from pgq_node.get_consumer_info('q');

-- errors, flags
select * from pgq_node.set_consumer_error('q', 'c', 'it hurts');
select * from pgq_node.set_consumer_error('q', 'stranger', 'it hurts');
select * from pgq_node.set_consumer_error('unknown', 'c', 'it hurts');
select * from pgq_node.set_consumer_paused('q', 'c', false);
select * from pgq_node.set_consumer_uptodate('q', 'c', true);
select * from pgq_node.get_consumer_state('q', 'c');
select * from pgq_node.set_consumer_paused('q', 'c', true);
select * from pgq_node.get_consumer_state('q', 'c');
select * from pgq_node.set_consumer_uptodate('q', 'c', true);
select * from pgq_node.set_consumer_paused('q', 'c', true);
select * from pgq_node.get_consumer_state('q', 'c');

-- A known consumer is moved and keeps everything else.
select * from pgq_node.register_consumer('q', 'c', 'mid', 30);
select * from pgq_node.get_consumer_state('q', 'c');

-- completion clears the error
select * from pgq_node.set_consumer_completed('q', 'c', 31);
select * from pgq_node.set_consumer_completed('q', 'c', 20);
select * from pgq_node.set_consumer_completed('q', 'stranger', 31);
select * from pgq_node.set_consumer_completed('unknown', 'c', 31);
select * from pgq_node.set_consumer_completed('q', 'c', null);
select * from pgq_node.get_consumer_state('q', 'c');
select * from pgq_node.set_consumer_error('q', 'c', 'again');
select * from pgq_node.set_consumer_error('q', 'c', null);
select cur_error is null from pgq_node.get_consumer_state('q', 'c');

-- resumed, with nulls and strangers
select * from pgq_node.set_consumer_paused('q', 'c', false);
select * from pgq_node.set_consumer_paused('q', 'c', false);
select * from pgq_node.set_consumer_paused('q', 'c', null);
select * from pgq_node.set_consumer_paused('q', 'stranger', true);
select * from pgq_node.set_consumer_uptodate('q', 'c', false);
select * from pgq_node.set_consumer_uptodate('q', 'c', null);
select * from pgq_node.set_consumer_uptodate('q', 'stranger', null);
select * from pgq_node.set_consumer_uptodate('q', 'stranger', true);

-- another provider
select * from pgq_node.set_consumer_uptodate('q', 'c', true);
select * from pgq_node.change_consumer_provider('q', 'c', 'stranger');
select * from pgq_node.change_consumer_provider('q', 'stranger', 'root');
select * from pgq_node.change_consumer_provider('unknown', 'c', 'root');
select * from pgq_node.change_consumer_provider('q', 'c', null);
select * from pgq_node.change_consumer_provider('q', 'c', 'root');
select * from pgq_node.get_consumer_state('q', 'c');

-- information
select * from pgq_node.get_consumer_state('unknown', 'c');
select * from pgq_node.get_consumer_state('q', 'stranger');
select * from pgq_node.get_consumer_state(null, null);
select * from pgq_node.get_consumer_state('q', 'leaf_worker');
select * from pgq_node.register_consumer('q', 'a_first', 'root', 1);
select * from pgq_node.get_consumer_info('q');
select * from pgq_node.get_consumer_info('unknown');

-- the end
select * from pgq_node.unregister_consumer('unknown', 'c');
select * from pgq_node.unregister_consumer('q', 'stranger');
select * from pgq_node.unregister_consumer('q', 'c');
select * from pgq_node.unregister_consumer('q', 'c');
select * from pgq_node.unregister_consumer('q', null);
select consumer_name from pgq_node.get_consumer_info('q');
